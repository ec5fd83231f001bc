"""Many clients, workers that are killed, limits that move: the ledger must hold at every commit."""
