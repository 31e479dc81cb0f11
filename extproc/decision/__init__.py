"""The decision: admit → filter → score → order, giving a Plan or a Refusal.

Law: synchronous, total and deterministic. Time, randomness and what was observed come in as arguments; nothing here
reads a clock, throws dice or raises for anything a caller or an operator can write. Every candidate that was
considered is in the answer, with the reason why it was kept or dropped, so every decision can be explained and
replayed.
"""
