"""The shelf of snapshots: the current one, and the last few for exchanges that began with them."""

from extproc.snapshot import Snapshot

KEPT = 8


class Shelf:
    def __init__(self, first: Snapshot) -> None:
        self._by_id: dict[str, Snapshot] = {first.id: first}
        self._current = first

    @property
    def current(self) -> Snapshot:
        return self._current

    def get(self, snapshot_id: str) -> Snapshot | None:
        return self._by_id.get(snapshot_id)

    def put(self, snapshot: Snapshot) -> None:
        """Makes it the current one. One that comes back (an edit undone) is the newest again."""
        self._by_id.pop(snapshot.id, None)
        self._by_id[snapshot.id] = snapshot
        self._current = snapshot
        while len(self._by_id) > KEPT:
            del self._by_id[next(iter(self._by_id))]
