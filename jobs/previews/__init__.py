"""Result files shown on pages: judged by name, read from the beginning only, never executed, never trusted."""
