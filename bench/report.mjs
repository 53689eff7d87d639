/**
 * Owns how figures become text. Must not measure, nor judge beyond "meets the aim".
 */
const AIMS = { throughputOfBare: 0.8, addedLatencyP50OfBare: 1.5 };

export function report(result) {
  const { machine, firstTouches, comparison, ablation, upstream, syncs, seconds } = result;
  return [
    `Cobro ${machine.commit}; workerd, ${machine.cpus} CPUs (${machine.cpu}), state on ${machine.disk}, load average ${machine.loadBefore.toFixed(1)} before`,
    `${machine.rounds} rounds in turns, ${machine.methods} payment methods, ${machine.atOnce} at once; median [min to max]`,
    "",
    ...comparisonLines(comparison),
    "",
    ...ratioLines(comparison.ratios),
    "",
    ...furtherLines({ firstTouches, comparison, upstream, syncs }),
    "",
    "Where the time goes (same load on ever more of the path)",
    ...ablationLines(ablation),
    "",
    `${seconds.toFixed(0)} s in all`,
  ].join("\n");
}

function comparisonLines({ targets }) {
  const direct = targets.direct.oneAtATime;
  const rows = Object.entries(targets).map(
    ([name, { oneAtATime: one, atOnce, cpuMsPerCharge }]) => [
      name,
      spread(one.p50, 2),
      spread(one.p95, 2),
      (one.p50.median - direct.p50.median).toFixed(2),
      (one.p50.median / direct.p50.median).toFixed(1),
      spread(atOnce.perSecond, 0),
      atOnce.p50.median.toFixed(0),
      cpuMsPerCharge === null ? "-" : cpuMsPerCharge.toFixed(2),
    ],
  );
  const head = ["", "one: p50 ms", "p95 ms", "added", "times", "charges/s", "p50 ms", "CPU ms"];
  return table([head, ...rows]);
}

function ratioLines(ratios) {
  const { throughputOfBare, addedLatencyP50OfBare, addedLatencyP95OfBare } = ratios;
  const meets = (good) => (good ? "met" : "missed");
  return [
    `charges a second, Cobro / bare     ${spread(throughputOfBare, 2)}, aim at least ${AIMS.throughputOfBare}: ${meets(throughputOfBare.median >= AIMS.throughputOfBare)}`,
    `added latency p50, Cobro / bare    ${spread(addedLatencyP50OfBare, 2)}, aim at most ${AIMS.addedLatencyP50OfBare}: ${meets(addedLatencyP50OfBare.median <= AIMS.addedLatencyP50OfBare)}`,
    `added latency p95, Cobro / bare    ${spread(addedLatencyP95OfBare, 2)}`,
  ];
}

function furtherLines({ firstTouches, comparison, upstream, syncs }) {
  const touches = ({ perSecond, p50 }) => `${perSecond.toFixed(0)}/s, p50 ${p50.toFixed(0)} ms`;
  const { entriesLeft, drainMs } = comparison.backlog;
  const rate = drainMs > 0 ? `, ${((entriesLeft / drainMs) * 1000).toFixed(0)} entries/s` : "";
  const perCharge = (figure) => (figure === null ? "not counted" : figure.toFixed(2));
  return [
    `first touch of an object           Cobro ${touches(firstTouches.cobro)}; bare ${touches(firstTouches.bare)}`,
    `requests upstream a charge         ${upstream.perCharge.toFixed(3)} after the baseline look (${upstream.charges} charges)`,
    `fsyncs a charge, one at a time     Cobro ${perCharge(syncs.cobro)} with its delivery; bare ${perCharge(syncs.bare)}`,
    `backlog when the load stops        ${entriesLeft} entries, in the ledger after ${drainMs.toFixed(0)} ms${rate}`,
  ];
}

function ablationLines(steps) {
  const rows = steps.map(({ what, p50, perSecond, cpuMs }) => [
    what,
    p50.toFixed(2),
    perSecond.toFixed(0),
    cpuMs === null ? "-" : cpuMs.toFixed(2),
  ]);
  return table([["", "one: p50 ms", "a second", "CPU ms"], ...rows]);
}

function spread({ median, min, max }, digits) {
  return `${median.toFixed(digits)} [${min.toFixed(digits)} to ${max.toFixed(digits)}]`;
}

/** Columns as wide as their widest cell, figures to the right. */
function table(rows) {
  const widths = rows[0].map((_cell, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join("  "),
  );
}
