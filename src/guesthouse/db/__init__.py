"""Engine, transactions and tables. No queries: those live in each feature's store."""
