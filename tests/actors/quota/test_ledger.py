"""Leases of a mesh-wide limit: by demand, never more than the limit, whatever is lost, late, restarted or cut off."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.messages.quota import QuotaAsk
from plait.actors.proxy.account import Account
from plait.actors.quota.ledger import Ledger, share

RATE, BURST, LEASE = 100.0, 20.0, 1.0


def ask(demand, held=0.0, spent=0.0):
    return QuotaAsk("default/a/0", "", RATE, BURST, LEASE, demand, held, spent)


def test_shares_are_fair_and_what_nobody_wants_is_spread():
    assert share(100.0, 80.0, [80.0]) == 50.0
    assert share(100.0, 10.0, [200.0]) == 10.0
    assert share(100.0, 200.0, [10.0]) == 90.0
    assert share(100.0, 10.0, [30.0]) == 40.0
    assert share(100.0, 0.0, []) == 100.0


@given(st.lists(st.floats(0, 500), min_size=1, max_size=8))
def test_fair_shares_add_up_to_the_limit(demands):
    shares = [share(100.0, one, [*demands[:at], *demands[at + 1 :]]) for at, one in enumerate(demands)]
    assert sum(shares) == pytest.approx(100.0)


def test_what_is_leased_is_nobody_elses_until_it_has_ended():
    ledger = Ledger()
    assert ledger.renew("a", ask(500), 10.0).rate == RATE
    assert ledger.renew("b", ask(500), 10.1).rate == 0.0
    assert ledger.renew("a", ask(500, RATE), 10.5).rate == 50.0
    assert ledger.renew("b", ask(500), 10.6).rate == 0.0  # `a` may not have heard that it has less
    assert ledger.renew("b", ask(500), 11.1).rate == 50.0
    assert ledger.renew("c", ask(500), 11.7).rate == 50.0  # `a` has not asked again
    assert ledger.leased("default/a/0", "", 11.7) <= RATE


def test_only_the_first_that_comes_gets_the_burst():
    ledger = Ledger()
    assert ledger.renew("a", ask(10), 0.0).tokens == BURST
    assert ledger.renew("a", ask(10), 0.5).tokens == 0.0
    assert ledger.renew("b", ask(10), 0.6).tokens == 0.0
    assert ledger.renew("c", ask(10), 9.0).tokens == BURST  # saved up again while nothing was leased


def test_what_was_spent_without_a_lease_is_taken_from_the_bank():
    assert Ledger().renew("a", ask(10, 0.0, 15.0), 0.0).tokens == BURST - 15.0


def test_a_successor_renews_what_nodes_hold_and_grants_no_more_until_all_leases_before_have_ended():
    ledger = Ledger()
    ledger.be_wary(5.0)
    assert ledger.renew("new", ask(500), 5.1).rate == 0.0
    assert ledger.renew("a", ask(500, 60.0), 5.2).rate == 60.0
    assert ledger.renew("b", ask(500, 70.0), 5.3).rate == 40.0  # never more than the limit
    assert ledger.renew("new", ask(500), 6.05) is not None
    assert ledger.leased("default/a/0", "", 6.05) <= RATE


def test_one_that_does_not_know_that_it_succeeds_somebody_sees_it_by_what_is_held():
    ledger = Ledger()
    assert ledger.renew("a", ask(500, 60.0), 50.0).rate == 60.0
    assert ledger.renew("b", ask(500), 50.1).rate == 0.0


def test_counts_that_nobody_asks_for_are_forgotten():
    ledger = Ledger()
    ledger.renew("a", ask(1), 0.0)
    ledger.sweep(30.0)
    assert len(ledger) == 1
    ledger.sweep(62.0)
    assert len(ledger) == 0


class Mesh:
    """Nodes with an open loop of requests, one quota actor, and lines that are slow and lose questions and answers.

    Steps of 5 ms. Each node has a clock of its own, with another origin.
    """

    def __init__(self, seed, nodes=4, share=0.25, rates=(100.0, 100.0, 100.0, 100.0)):
        self.rng = random.Random(seed)
        self.now = 0.0
        self.ledger, self.up, self.base = Ledger(), True, 1000.0
        self.rates = list(rates)
        self.offset = [self.rng.uniform(-1e5, 1e5) for _ in range(nodes)]
        self.accounts = [Account(RATE, BURST, share, LEASE, self.offset[at]) for at in range(nodes)]
        self.cut = set()
        self.loss = 0.05
        self.flying = []
        self.passed = []

    def restart(self):
        self.base = self.rng.uniform(-1e6, 1e6)
        self.ledger = Ledger()
        self.ledger.be_wary(self.base + self.now)

    def run(self, seconds):
        end = self.now + seconds
        while self.now < end:
            self.now += 0.005
            for at, account in enumerate(self.accounts):
                clock = self.now + self.offset[at]
                if not account.requested or clock - account.asked >= LEASE / 2:
                    since = max(0.05, clock - account.asked)
                    asked = ask(account.demand / since, account.leased(clock), account.spent)
                    account.ask(clock)
                    if self.rng.random() > self.loss:
                        self.flying.append((self.now + self.rng.uniform(0, 0.1), at, asked, clock, None))
                for _ in range(self._poisson(self.rates[at] * 0.005)):
                    if account.take(clock) == 0.0:
                        self.passed.append((self.now, at))
            for message in [one for one in self.flying if one[0] <= self.now]:
                self.flying.remove(message)
                self._arrive(*message)

    def _arrive(self, _, at, asked, clock, grant):
        if at in self.cut:
            return
        if grant is None:
            if self.up:
                grant = self.ledger.renew(f"n{at}", asked, self.base + self.now)
                if self.rng.random() > self.loss:
                    self.flying.append((self.now + self.rng.uniform(0, 0.1), at, asked, clock, grant))
        else:
            self.accounts[at].grant(grant.rate, grant.tokens, clock, self.now + self.offset[at])

    def _poisson(self, mean):
        count, left = 0, self.rng.expovariate(1.0)
        while left < mean:
            count += 1
            left += self.rng.expovariate(1.0)
        return count

    def count(self, start, end):
        return sum(start < when <= end for when, _ in self.passed)

    def windows(self, start, end, width):
        """The most that passed in any of the times of this width."""
        return max(self.count(at, at + width) for at in [start + step * 0.25 for step in range(int((end - start) * 4))])


FIRST = 4 * 0.25 * BURST
"""What nodes may spend before their first lease: their local share."""


@pytest.mark.parametrize("seed", range(4))
def test_the_whole_mesh_passes_the_limit_and_no_more(seed):
    mesh = Mesh(seed)
    mesh.run(20.0)
    assert mesh.count(0, 20) <= RATE * 20 + BURST + FIRST
    assert mesh.count(5, 20) >= 0.9 * RATE * 15
    assert mesh.windows(4, 19, 1.0) <= RATE + BURST + len(mesh.accounts)


@pytest.mark.parametrize("seed", range(4))
def test_shares_follow_the_demand(seed):
    mesh = Mesh(seed, rates=(300.0, 5.0, 5.0, 5.0))
    mesh.run(5.0)
    mesh.rates = [5.0, 5.0, 5.0, 300.0]
    mesh.run(10.0)
    mine = sum(at == 3 and when > 8.0 for when, at in mesh.passed)
    assert mine >= 0.65 * RATE * 7
    assert mesh.count(0, 15) <= RATE * 15 + BURST + FIRST


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_and_restarted_quota_actor_costs_no_double_spending(seed):
    mesh = Mesh(seed)
    for _ in range(8):
        mesh.run(1.7)
        mesh.restart()  # its clock begins anew, too
    mesh.run(2.0)
    assert mesh.count(0, mesh.now) <= RATE * mesh.now + BURST + FIRST
    assert mesh.count(3, mesh.now) >= 0.8 * RATE * (mesh.now - 3)


@pytest.mark.parametrize("seed", range(4))
def test_while_there_is_no_quota_actor_nodes_go_over_to_their_local_share(seed):
    mesh = Mesh(seed, share=0.1)
    mesh.run(5.0)
    mesh.up = False
    mesh.run(20.0)
    assert mesh.count(5, 7) <= 2 * RATE + BURST + 4  # the last leases, and their decay
    assert mesh.count(10, 25) == pytest.approx(4 * 0.1 * RATE * 15, rel=0.1)
    mesh.up = True
    mesh.restart()
    mesh.run(5.0)
    assert mesh.count(27, 30) >= 0.8 * RATE * 3
    assert mesh.count(25, 30) <= RATE * 5 + BURST + 4


@pytest.mark.parametrize("seed", range(4))
def test_a_node_that_is_cut_off_spends_its_lease_then_its_share_and_no_more(seed):
    mesh = Mesh(seed, rates=(200.0, 200.0, 200.0, 200.0))
    mesh.run(5.0)
    mesh.cut = {0}
    mesh.run(20.0)
    # Its lease while it decays, once; its local share as long as it is away.
    assert mesh.count(5, 25) <= RATE * 20 + BURST + RATE * LEASE / 2 + 0.25 * RATE * 20
    mine = sum(at == 0 and when > 8.0 for when, at in mesh.passed)
    assert mine <= 0.25 * RATE * 17 + 5
    mesh.cut = set()
    mesh.run(5.0)
    assert mesh.count(27, 30) <= RATE * 3 + BURST + 4
