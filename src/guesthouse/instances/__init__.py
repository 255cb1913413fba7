"""The machines environments run on: providers, provisioning, reachability."""
