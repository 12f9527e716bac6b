"""SOQL, as much of it as the sandbox knows: text → tokens → tree → conditions and columns → rows."""
