"""Conditions over the facts of a request: a subset of CEL, read once and evaluated often.

Law: what is accepted is CEL, spelled and meant as CEL does, but for one thing: a label compared with a number or a
boolean is read as one. Every value has a kind, so a comparison that can never hold is found when it is read. Nothing
here can hang: there is no loop, no regular expression and no recursion deeper than DEEPEST, and the text is bounded.
What is not there has no value; nothing that depends on it holds, and nothing raises.
"""

from extproc.decision.conditions.compiled import Condition, compiled
from extproc.decision.conditions.words import DEEPEST, LONGEST, WrongCondition

__all__ = ["DEEPEST", "LONGEST", "Condition", "WrongCondition", "compiled"]
