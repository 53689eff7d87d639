/**
 * Owns how a bug is planted: one small change of the gateway's source, made while it is loaded. A
 * change whose place is not found exactly once is an error, so that the lists keep up with the source.
 */
import { registerHooks } from "node:module";

interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
}

/** Loads the gateway with one bug in it from now on; must be called before anything of it is loaded. */
export function plant({ name, edits }: Mutant): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const own = edits.filter(({ file }) => url.endsWith(`/src/${file}`));
      if (own.length === 0) {
        return loaded;
      }
      let source = Buffer.from(loaded.source as Uint8Array).toString();
      for (const { file, from, to } of own) {
        const places = source.split(from).length - 1;
        if (places !== 1) {
          throw new Error(`"${name}" has ${places} places in ${file}, not one`);
        }
        source = source.replace(from, () => to);
      }
      return { ...loaded, source };
    },
  });
}
