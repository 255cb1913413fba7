import "./log.js";
