"""One pass, from pull to settle: carries out what core decided. ``line`` is the straight line; the other files
are its steps.
"""
