"""The pages of accounts, teams and what is settled for them."""
