# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way of the virtual servers through the turns of a cluster: which node is next, and what moves where before it.

Without a limit of what a node carries, the order of the nodes decides all: see ``moves.turn_order``. With one, a
virtual server may have to wait for a place, take another one, or make room for another: that is searched for, first
among the ways on which every virtual server moves once only, then among those with one move more, and so on. So the
first way that is found needs the fewest outages. Of those with as few the one counts that leaves most virtual servers
where they belong: each of the others is offline once more when it is brought home.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from .model import Cluster, Group, Model, fits
from .moves import choose_target, rank_targets, turn_order

MOST_TRIES = 60000
"""How many moves are tried before the search is given up; enough for every cluster of up to four nodes."""
MORE_TRIES = 5000
"""How many are tried, once a way is found, for one with as many moves that leaves fewer virtual servers to be brought
home at the end; enough for every cluster of up to four nodes."""

Move = tuple[str, str]
"""A virtual server and the node that it goes to."""

_State = tuple[frozenset[str], tuple[str, ...], str | None]
"""The nodes that are updated, where each virtual server stands, and the node that is to be freed next."""


class NoWay(Exception):
    """A virtual server cannot leave a node whose turn has come."""

    def __init__(self, group: Group, node: str) -> None:
        super().__init__(f"{group.name} cannot leave {node}")
        self.group = group
        self.node = node


@dataclass(frozen=True)
class Stage:
    """What comes before the update of ``node``.

    over: the moves to nodes that are updated by then. aside: those to nodes that are not, or not yet.
    """

    node: str
    over: tuple[Move, ...] = ()
    aside: tuple[Move, ...] = ()


def find_route(
    model: Model, name: str, waiting: Sequence[str], done: Sequence[str], homes: Mapping[str, str], limit: int
) -> list[Stage] | None:
    """Return the stages of the nodes that wait for their turn, or None where ``limit`` leaves no way.

    A node that is out of the cluster already comes first. limit: virtual servers that a node may carry; a node that
    carries more as it was found is not relieved for it, but takes none. 0: no limit. Raises NoWay when a virtual
    server cannot leave its node in any order, whatever the limit.
    """
    cluster = model.clusters[name]
    down = sorted(node for node in waiting if node not in cluster.up)
    up = [node for node in waiting if node in cluster.up]
    ready = [*done, *down]
    old = {
        group.name: [
            node
            for node in up
            if node in group.possible and fits(group, model.host_of(name, group.owner), model.host_of(name, node))
        ]
        for group in cluster.virtual_servers
    }
    order = turn_order(cluster, up, ready, homes, old)
    # Nodes come back into the cluster with their turn: from then on they take groups over.
    all_up = replace(cluster, up=cluster.up | frozenset(down))
    first = [Stage(node) for node in down]
    if limit:
        found = _Search(all_up, order, ready, homes, old, limit).run()
        return None if found is None else first + found
    return first + _in_order(all_up, order, ready, homes, old, limit=1 if cluster.one_each else 0)


def _in_order(
    cluster: Cluster,
    order: Sequence[str],
    done: Sequence[str],
    homes: Mapping[str, str],
    old: Mapping[str, Sequence[str]],
    limit: int,
) -> list[Stage]:
    """Return the stages when the nodes come in this order and every virtual server goes to its best node."""
    stages = []
    for number, node in enumerate(order):
        ready = [*done, *order[:number]]
        over, aside = [], []
        for group in cluster.owned(node):
            home, later = homes[group.name], [other for other in order[number + 1 :] if other in old[group.name]]
            target = choose_target(cluster, group, ready, home, limit=limit)
            if target:
                over.append((group.name, target))
            else:
                target = choose_target(cluster, group, later, home, order, limit)
                if target is None:
                    raise NoWay(group, node)
                aside.append((group.name, target))
            cluster = replace(cluster, groups={**cluster.groups, group.name: replace(group, owner=target)})
        stages.append(Stage(node, tuple(over), tuple(aside)))
    return stages


class _Search:
    """Looks for the way with the fewest moves on which no node takes more virtual servers than the limit."""

    def __init__(
        self,
        cluster: Cluster,
        order: Sequence[str],
        done: Sequence[str],
        homes: Mapping[str, str],
        old: Mapping[str, Sequence[str]],
        limit: int,
    ) -> None:
        self.order, self.limit = order, limit
        self.start = frozenset(done)
        self.groups = {group.name: group for group in cluster.virtual_servers}
        self.names = list(self.groups)
        self.owners = tuple(group.owner for group in self.groups.values())
        self.old = {name: frozenset(nodes) for name, nodes in old.items()}
        nodes = [*done, *order]
        self.targets = {
            # Its owner too: a virtual server may come back to it once it is updated.
            name: rank_targets(cluster, replace(group, owner=""), nodes, homes[name], order)
            for name, group in self.groups.items()
        }
        self.homes = tuple(homes[name] for name in self.names)
        self.tries = MOST_TRIES
        self.goal: _State | None = None
        self.homeless = len(self.names) + 1
        # So many have to be brought home at the end in any case: they leave their homes, and move once only.
        self.least = sum(
            home == owner and owner not in self.start for home, owner in zip(self.homes, self.owners, strict=True)
        )

    def run(self) -> list[Stage] | None:
        """Return the stages, or None when there are none or too much had to be tried.

        Round by round one move more is allowed than one of each virtual server. In a round the ways are followed as
        far as they lead without a further one.
        """
        if not self._room():
            return None
        first = (self.start, self.owners, None)
        self.came: dict[_State, tuple[_State, Move | None] | None] = {first: None}
        settled = self._follow([first])
        while settled and self.goal is None and self.tries > 0:
            self.least -= 1
            came = dict(self.came)
            further = self._follow(self._again(settled))
            if self.homeless > self.least:
                # To leave early costs nothing and makes room, which helps only those who move once more.
                self.came = came
                early = self._follow(self._early(settled))
                while early:
                    settled += early
                    early = self._follow(self._early(early))
                further = self._follow(self._again(settled))
            settled = further
        return None if self.goal is None else self._stages(self.path)

    def _room(self) -> bool:
        """Whether the virtual servers have room on all nodes but one: else no node can ever be freed."""
        nodes = [*self.start, *self.order]
        room = {node: max(self.limit, self.owners.count(node)) for node in nodes}
        return all(sum(room.values()) - room[node] >= len(self.owners) for node in self.order)

    def _follow(self, states: list[_State]) -> list[_State]:
        """Go on from ``states`` with moves that every virtual server has to make; returns all states seen so far.

        Only those of the node to be freed move, one after the other: no place becomes free but on that node, so that
        their order is of no matter.
        """
        seen = []
        stack = states[::-1]
        while stack and self.tries > 0:
            state = stack.pop()
            seen.append(state)
            updated, owners, node = state
            if node is None:
                rest = [other for other in self.order if other not in updated]
                if not rest:
                    self._reached(state)
                    if self.homeless <= self.least:
                        return seen
                    continue
                rest.sort(key=lambda other: other in owners)
                after = [(updated, owners, other) for other in rest]
                stack += [each for each in after[::-1] if self._is_new(each, state, None)]
            elif node not in owners:
                following = (updated | {node}, owners, None)
                if self._is_new(following, state, ("", node)):
                    stack.append(following)
            else:
                moves = self._moves(state, [owners.index(node)], once=True)
                stack += [each for each, move in moves[::-1] if self._is_new(each, state, move)]
        return seen

    def _reached(self, state: _State) -> None:
        """Keep the way to a state in which every node is updated, where it leaves fewer to be brought home."""
        homeless = sum(owner != home for owner, home in zip(state[1], self.homes, strict=True))
        if homeless < self.homeless:
            self.goal, self.homeless, self.path = state, homeless, self._path(state)
            self.tries = min(self.tries, MORE_TRIES)

    def _again(self, states: list[_State]) -> list[_State]:
        """Return the states after a move that a virtual server would not have to make."""
        return self._after(states, lambda state, each: True, once=False)

    def _early(self, states: list[_State]) -> list[_State]:
        """Return the states after a virtual server has left a node whose turn has not come."""
        return self._after(states, lambda state, each: state[1][each] != state[2], once=True)

    def _after(self, states: list[_State], who: Callable[[_State, int], bool], *, once: bool) -> list[_State]:
        found = []
        for state in states:
            if state[2] is None:
                continue
            movers = [each for each in range(len(self.names)) if who(state, each)]
            found += [each for each, move in self._moves(state, movers, once=once) if self._is_new(each, state, move)]
        return found

    def _moves(self, state: _State, movers: list[int], *, once: bool) -> list[tuple[_State, Move]]:
        """Return the states after a move of one of ``movers``, the best first.

        once: the moves that bring a virtual server to an updated node; else those that do not bring it any further.
        """
        updated, owners, node = state
        moves = []
        for index in movers:
            name, owner = self.names[index], owners[index]
            for target in self.targets[name]:
                if target == owner or owners.count(target) >= self.limit:
                    continue
                forth = target in updated and owner not in updated
                if forth != once or (target not in updated and (owner in updated or target not in self.old[name])):
                    continue
                self.tries -= 1
                moves.append(((updated, (*owners[:index], target, *owners[index + 1 :]), node), (name, target)))
        return moves

    def _is_new(self, state: _State, before: _State, move: Move | None) -> bool:
        if state in self.came:
            return False
        self.came[state] = (before, move)
        return True

    def _path(self, state: _State) -> list[Move]:
        """Return the moves and updates that led to a state, the last one first. An update is a move of the group ""."""
        path = []
        while (step := self.came[state]) is not None:
            state, move = step
            if move:
                path.append(move)
        return path

    def _stages(self, found: list[Move]) -> list[Stage]:
        """Return the stages: what goes to an updated node goes before the rest, for which it can only make room."""
        stages: list[Stage] = []
        over: list[Move] = []
        aside: list[Move] = []
        updated = set(self.start)
        for name, node in reversed(found):
            if not name:
                stages.append(Stage(node, tuple(over), tuple(aside)))
                updated.add(node)
                over, aside = [], []
            else:
                (over if node in updated else aside).append((name, node))
        return stages
