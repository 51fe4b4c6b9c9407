"""The outside, one small module each; every one takes what it needs as parameters and reaches for no global."""
