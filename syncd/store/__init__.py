"""The state: what each side last showed, what both last agreed on, what was sent, what waits. SQL lives here and
nowhere else.

Every function takes an open transaction first, so that a caller can join several into one; ``database.Database``
makes them.
Decisions are made elsewhere: this package stores them.
"""
