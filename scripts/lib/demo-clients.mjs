/**
 * Owns the requests that the demo makes: as a shop to the gateway, and by the control paths to the
 * sandbox. Must not expect anything of the answers, but that the sandbox does as it is told.
 */

export function gatewayClient(url) {
  const call = async (path, init = {}) => {
    const headers = { "x-api-key": "cobro_test_storefront", ...init.headers };
    const answer = await fetch(`${url}${path}`, { ...init, headers });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: parsed(text) };
  };
  const post = async (path, key, wish) =>
    call(path, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": key },
      body: JSON.stringify(wish),
    });
  return {
    get: async (path) => call(path),
    charge: async (id, key, wish) => post(`/api/payment-method/${id}/payment`, key, wish),
    refund: async (id, paymentId, key, wish) =>
      post(`/api/payment-method/${id}/payment/${paymentId}/refund`, key, wish),
    findCharge: async (id, key) => call(`/api/payment-method/${id}/charge?idempotencyKey=${key}`),
  };
}

export function sandboxClient(url) {
  const call = async (method, path, body) => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const answer = await fetch(`${url}/sandbox/${path}`, init);
    if (!answer.ok) {
      throw new Error(`the sandbox answers ${answer.status} to ${method} ${path}`);
    }
    return answer.json();
  };
  return {
    createMethod: async () => (await call("POST", "payment-methods", {})).id,
    setCharges: async (id, charges) => call("PUT", `payment-methods/${id}/scenario`, { charges }),
    setRefunds: async (id, refunds) => call("PUT", `payment-methods/${id}/scenario`, { refunds }),
    book: async (id) => call("GET", `book?paymentMethodId=${id}`),
  };
}

/** What is no JSON has no members: the step that looks for one fails, and shows the text. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
