"""How often an address may ask: a bucket of tokens that fills with time."""

import collections
import ipaddress
import math
import time

MAX_ADDRESSES = 10_000


class RateLimit:
    """Allows each address `burst` requests at once and `rate` a second in the long run.

    An IPv6 network has 2**64 addresses for one, and counts as one. Of more than `MAX_ADDRESSES`, those that
    have asked longest ago are forgotten.

    Args:
        rate: Float > 0, tokens a second.
        burst: Float >= 1, tokens that an address has at most.
        clock: Function that returns seconds.
    """

    def __init__(self, rate, burst, clock=time.monotonic):
        self.rate = rate
        self.burst = burst
        self.clock = clock
        self._buckets = collections.OrderedDict()

    def seconds_to_wait(self, address, cost=1.0):
        """Takes `cost` tokens of an address; returns 0, or after how many whole seconds it has as many."""
        now, address = self.clock(), _network(address)
        tokens, since = self._buckets.pop(address, (self.burst, now))
        tokens = min(self.burst, tokens + self.rate * (now - since))
        is_allowed = tokens >= cost
        self._buckets[address] = (tokens - cost if is_allowed else tokens, now)
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return 0 if is_allowed else math.ceil((cost - tokens) / self.rate)


def _network(address):
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    found = getattr(found, "ipv4_mapped", None) or found
    return found.packed if found.version == 4 else found.packed[:8]
