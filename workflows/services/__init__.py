"""The outside, one small module each; each takes what it needs as parameters and reaches for no global."""
