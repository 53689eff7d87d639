/**
 * The bare object: the least that a Durable Object must do around one charge to survive a crash.
 * One row commit, one fetch, a second row commit, an answer. Owns the lower bound that Cobro is
 * measured against; must not check, authenticate, schedule or deliver anything.
 */
import { DurableObject } from "cloudflare:workers";

export class Bare extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS charge (key TEXT PRIMARY KEY, body TEXT) STRICT");
  }

  async charge(path, key, body) {
    this.sql.exec("INSERT INTO charge (key, body) VALUES (?, NULL)", key);
    const answer = await this.send(path, key, body);
    this.sql.exec("UPDATE charge SET body = ? WHERE key = ?", answer.body, key);
    return answer;
  }

  /** The same without a journal. */
  async send(path, _key, body) {
    const headers = { "content-type": "application/json", "x-api-key": this.env.HARMONY_API_KEY };
    const init = { method: "POST", headers, body };
    const response = await fetch(`${this.env.HARMONY_BASE_URL}${path}`, init);
    return { status: response.status, body: await response.text() };
  }

  /** The way to the object and back, and nothing else. */
  async ping() {
    return { status: 200, body: "{}" };
  }
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const [, how, ...rest] = pathname.split("/");
    if (how === "alone") {
      return new Response("{}");
    }
    const object = env.BARE.getByName(rest[1]);
    const key = request.headers.get("idempotency-key");
    const { status, body } = await object[how](`/${rest.join("/")}`, key, await request.text());
    return new Response(body, { status, headers: { "content-type": "application/json" } });
  },
};
