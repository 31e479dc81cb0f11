"""Translation: one file or folder for each pair of dialects (the caller's, the provider's); request, answer, stream.

Law: pure, and pairs know nothing of each other. A request is translated anew for each attempt from the caller's
original bytes; the one final answer is translated by the same pair that translated the winning attempt's request.
What a target cannot express is named in `losses`, never dropped in silence.
"""
