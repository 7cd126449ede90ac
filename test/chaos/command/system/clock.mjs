// What this program takes for the time of day jumps; monotonic time goes on. The clock of the machine is not touched.
const RealDate = Date;
let shiftedMs = 0;

/** @param {number} ms */
export function shiftClock(ms) {
  shiftedMs += ms;
  globalThis.Date = class extends RealDate {
    /** @param {ConstructorParameters<typeof RealDate>} args */
    constructor(...args) {
      if (args.length === 0) super(RealDate.now() + shiftedMs);
      else super(...args);
    }

    static now() {
      return RealDate.now() + shiftedMs;
    }
  };
}
