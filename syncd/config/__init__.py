"""Config and mappings: text files in, frozen typed values out, with every problem found in one go.

Sends nothing, opens no state.
"""
