module guesthouse/tools/telegraf

// Telegraf as its authors publish it; ./build says which of its plugins go in.
go 1.24.0

require github.com/influxdata/telegraf v1.35.4
