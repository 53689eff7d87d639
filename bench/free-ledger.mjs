/**
 * Owns Cobro with a ledger that costs nothing, for an ablation: the same module, its objects given
 * a binding that takes every entry at once and keeps none. Only a binding is replaced, so that
 * nothing of Cobro's own code is guessed at. Must not be used for anything counted as Cobro.
 */
export const FREE_LEDGER = `
import worker, { PaymentMethod as Real } from "./index.js";
export default worker;
const statement = { bind: () => statement, all: async () => ({ results: [] }) };
const free = { withSession: () => free, prepare: () => statement };
export class PaymentMethod extends Real {
  constructor(ctx, env) {
    super(ctx, { ...env, LEDGER: free });
  }
}
`;
