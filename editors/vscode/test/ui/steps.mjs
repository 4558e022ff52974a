// Steps of a journey: each prints its result as a line of TAP; a failure leaves a picture and ends the journey.
let n = 0;

export function steps(name, shots) {
  const journey = { workbench: undefined };
  journey.step = async (what, f) => {
    const start = Date.now();
    try {
      await f();
      console.log(`ok ${++n} - ${name}: ${what} # ${Date.now() - start} ms`);
    } catch (e) {
      await journey.workbench?.shot(`failed-${what.replaceAll(/\W+/g, '-')}`).catch(() => undefined);
      console.log(`not ok ${++n} - ${name}: ${what}`);
      for (const line of `${e.stack ?? e}`.split('\n').slice(0, 40)) console.log(`# ${line}`);
      if (shots) console.log(`# pictures are in ${shots}`);
      throw new Error(`${name}: ${what} failed`, { cause: e });
    }
  };
  return journey;
}
