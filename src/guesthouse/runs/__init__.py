"""Durable executions: runs, steps and logs. The only package that knows DBOS."""
