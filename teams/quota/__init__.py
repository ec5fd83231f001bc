"""How much teams may use: what is counted (resources), what fits (book), and who has it now (ledger)."""
