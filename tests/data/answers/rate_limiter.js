/**
 * rate_limiter.js - keeps a caller from asking our map server too often.
 *
 * A token bucket for every API key: a bucket holds at most `capacity` tokens and is refilled by `perSecond` tokens a
 * second. A map tile costs 1 token, a search 5, a route 12. A request that finds too few tokens is answered with
 * status 429 and a Retry-After header; it is not queued.
 *
 * History: the first version (2021, by Kwabena) counted requests by the minute, and everybody came at second zero.
 */
"use strict";

const COSTS = { tile: 1, search: 5, route: 12 };
const DEFAULTS = { capacity: 240, perSecond: 4, idleMinutes: 30 };

// Partners have bought more. Numbers by contract, see the folder "partners" on the drive.
const PARTNERS = {
  "nordbahn": { capacity: 2400, perSecond: 40 },
  "velocourier": { capacity: 900, perSecond: 15 },
  "schulatlas": { capacity: 480, perSecond: 4 },
};

class Bucket {
  constructor(limits, now) {
    this.limits = limits;
    this.tokens = limits.capacity; // a new caller begins with a full bucket
    this.seen = now;
  }

  /** Fill up for the time gone by. `now` is in milliseconds; a clock that runs backwards is ignored. */
  refill(now) {
    const elapsed = Math.max(0, now - this.seen) / 1000;
    this.tokens = Math.min(this.limits.capacity, this.tokens + elapsed * this.limits.perSecond);
    this.seen = now;
  }

  /** Take tokens; return 0 when there were enough, else the seconds to wait, rounded up. */
  take(cost, now) {
    this.refill(now);
    if (this.tokens >= cost) {
      this.tokens -= cost;
      return 0;
    }
    return Math.ceil((cost - this.tokens) / this.limits.perSecond);
  }
}

class RateLimiter {
  constructor(clock = Date.now) {
    this.clock = clock; // the tests hand in their own
    this.buckets = new Map();
  }

  limitsOf(key) {
    return { ...DEFAULTS, ...(PARTNERS[key] || {}) };
  }

  /** Express middleware. Requests without a key share the bucket of their address. */
  handle(request, response, next) {
    const key = request.get("X-Map-Key") || `ip:${request.ip}`;
    const cost = COSTS[request.params.kind];
    if (cost === undefined) {
      response.status(404).end();
      return;
    }
    if (request.path === "/health") {
      next(); // the monitoring must never be refused
      return;
    }
    const now = this.clock();
    if (!this.buckets.has(key)) this.buckets.set(key, new Bucket(this.limitsOf(key), now));
    const wait = this.buckets.get(key).take(cost, now);
    if (wait > 0) {
      response.set("Retry-After", String(wait)).status(429).json({ error: "too many requests", wait });
      return;
    }
    next();
  }

  /** Forget the buckets of callers that were idle for longer than idleMinutes. Called every five minutes. */
  sweep() {
    const oldest = this.clock() - DEFAULTS.idleMinutes * 60 * 1000;
    for (const [key, bucket] of this.buckets) {
      if (bucket.seen < oldest) this.buckets.delete(key);
    }
  }
}

// FIXME: buckets live in the memory of one process. With two servers a caller gets twice the limit (ticket MAP-731).
module.exports = { RateLimiter, Bucket, COSTS, DEFAULTS };
