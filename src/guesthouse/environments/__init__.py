"""An environment's life: create, deploy, test, destroy, and the lock it leaves behind."""
