"""The pure core: what to do, never doing it. No I/O, no clock, no randomness; standard library and phonenumbers
only.
"""
