/**
 * Owns the brake's memory for one isolate: every payment method in it shares one. Must not hold
 * the judgement, which is domain/brake.ts, nor know what is charged.
 */
import { begin, type Brake, end, permission, RELEASED } from "../domain/brake.ts";
import type { Host } from "./host.ts";

/** To be called when the submission has ended; `answered` unless its outcome is not known. */
export type Ended = (nowMs: number, answered: boolean) => void;

export class SharedBrake {
  #brake: Brake = RELEASED;
  #isOn = false;
  readonly #log: Host["log"];

  constructor(log: Host["log"]) {
    this.#log = log;
  }

  /** Whether a charge may be sent now. */
  permits(nowMs: number): boolean {
    const allowed = permission(this.#brake, nowMs);
    this.#tell(allowed !== "go");
    return allowed !== "stop";
  }

  /** Notes that a charge leaves: as the probe, where the brake is on. */
  begin(paymentMethodId: string, nowMs: number): Ended {
    const isProbe = permission(this.#brake, nowMs) !== "go";
    const begun = begin(this.#brake, paymentMethodId, nowMs, isProbe);
    this.#brake = begun.brake;
    return (endedAtMs, answered) => {
      this.#brake = end(this.#brake, begun.id, endedAtMs, answered);
    };
  }

  #tell(isOn: boolean): void {
    if (isOn !== this.#isOn) {
      this.#isOn = isOn;
      this.#log(isOn ? "alert" : "info", isOn ? "brake_on" : "brake_released", {});
    }
  }
}
