package proc

// processLocks is empty: what its mutants do wrong cannot be done here.
func processLocks() []StandIn { return nil }
