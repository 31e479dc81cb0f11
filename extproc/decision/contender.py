"""A target as the decision sees it: with its provider, the entry of its model, and where it stands by itself."""

from collections.abc import Iterable
from dataclasses import dataclass

from extproc.dialects import losses
from extproc.dialects.families import families_by_name
from extproc.dialects.registry import side_of
from extproc.snapshot import Model, Provider, Target

NAMED = 0  # listed by its name, or written out in an alias, a chain or a strategy
BY_GLOB = 1
ANY_NAME = 2  # its provider lists nothing and takes any name: after all who list it


@dataclass(frozen=True, slots=True)
class Contender:
    target: Target
    provider: Provider
    entry: Model | None  # None: the provider does not list this model
    tier: int
    position: int  # its place in the file, or in the list that names it; less is earlier

    @property
    def families(self) -> frozenset[str]:
        return self.entry.endpoints if self.entry else families_by_name(self.target.model)

    @property
    def context(self) -> int | None:
        return self.entry.context if self.entry else None

    @property
    def capabilities(self) -> frozenset[str]:
        """What it declares, and what its provider declares of all of its models."""
        return (self.entry.capabilities if self.entry else frozenset()) | self.provider.capabilities

    @property
    def upstream(self) -> str:
        """What the provider is told."""
        return (self.entry.upstream if self.entry else None) or self.target.model

    def serves(self, endpoint: str) -> bool:
        """Whether its API can be asked this at all."""
        return endpoint in side_of(self.provider.dialect, self.upstream).endpoints

    def loses(self, features: frozenset[str]) -> tuple[str, ...]:
        return losses.losses(self.provider.dialect, self.upstream, self.entry, features)

    def cannot_take(self, features: frozenset[str]) -> tuple[str, ...]:
        return losses.unfit(self.provider.dialect, self.upstream, features)


def as_written(contenders: Iterable[Contender]) -> list[Contender]:
    """In the order in which the configuration names them."""
    return sorted(contenders, key=lambda one: (one.tier, one.position))
