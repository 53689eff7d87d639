/**
 * Owns what is sent: payment methods to charge, and each target's way of asking for a charge.
 * Every charge carries a key of its own. Must not measure.
 */
import { connect, send } from "./load.mjs";
import { CHARGE_KEY, HARMONY_KEY, READ_KEY } from "./hosts.mjs";

const CHARGE = JSON.stringify({ amount: 149.5, currency: "MXN", description: "Box no. 7" });
const JSON_BODY = { "content-type": "application/json" };

let keys = 0;

function newKey() {
  keys += 1;
  return `bench-${keys}`;
}

/** Makes `count` payment methods at the sandbox. */
export async function addMethods(sandbox, count) {
  const wanted = { method: "POST", path: "/sandbox/payment-methods", body: "{}" };
  const ids = [];
  while (ids.length < count) {
    const some = Array.from({ length: Math.min(50, count - ids.length) }, async () => {
      return JSON.parse((await send(sandbox, wanted)).text).id;
    });
    ids.push(...(await Promise.all(some)));
  }
  return ids;
}

/** A target has `charge(n)`: the request for a charge of its n-th payment method. */
function target(name, url, ids, ask) {
  const asked = new Map();
  const wanted = (n, key) => {
    const id = ids[n % ids.length];
    asked.set(id, (asked.get(id) ?? 0) + 1);
    return { method: "POST", body: CHARGE, ...ask(id, key) };
  };
  return {
    name,
    ids,
    /** How often each payment method was asked to be charged. */
    asked,
    connection: connect(url),
    charge: (n) => wanted(n, newKey()),
    /** The n-th charge under a key that does not change from call to call. */
    repeat: (n) => wanted(n, `bench-repeat-${n % ids.length}`),
  };
}

export function directTarget(url, ids) {
  return target("direct", url, ids, (id) => ({
    path: `/api/payment-method/${id}/payment`,
    headers: { ...JSON_BODY, "x-api-key": HARMONY_KEY },
  }));
}

/** `how` is `charge`, or one of the bare object's parts: `send`, `ping`, `alone`. */
export function bareTarget(url, ids, how = "charge") {
  return target("bare", url, ids, (id, key) => ({
    path: `/${how}/payment-method/${id}/payment`,
    headers: { ...JSON_BODY, "idempotency-key": key },
  }));
}

export function cobroTarget(url, ids, apiKey = CHARGE_KEY) {
  return target("cobro", url, ids, (id, key) => ({
    path: `/api/payment-method/${id}/payment`,
    headers: { ...JSON_BODY, "x-api-key": apiKey, "idempotency-key": key },
  }));
}

/** Cobro with a key that may not charge: all checks of the Worker, and no object. */
export function forbiddenTarget(url, ids) {
  return cobroTarget(url, ids, READ_KEY);
}
