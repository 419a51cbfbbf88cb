import { describe, expect, it } from "vitest";
import { applySuppressions } from "../../../src/diagnose/suppressions.js";
import { Suppression } from "../../../src/model/config.js";
import type { Report } from "../../../src/model/report.js";
import { finding, report } from "../render/reports.js";

const TODAY = { today: "2026-06-15", whole: true };

function applied(given: Partial<Suppression>[], change: Partial<Report> = {}, options = TODAY): Report {
  const suppressions = given.map((entry) => Suppression.parse({ reason: "known", expires: null, ...entry }));
  return applySuppressions(report(change), suppressions, options);
}

describe("a suppression", () => {
  // The finding is a null-dereference with fingerprint f; stock_read and wh_count of libwarehouse.so are its native part.
  it.each<[Partial<Suppression>, boolean]>([
    [{ fingerprint: "f" }, true],
    [{ fingerprint: "g" }, false],
    [{ code: "null-dereference" }, true],
    [{ code: "wild-pointer" }, false],
    [{ function: "stock_read" }, true],
    [{ function: "stock_rea" }, false],
    [{ function: "stock_*" }, true],
    [{ function: "*_read" }, true],
    [{ function: "s*k*r*d" }, true],
    [{ function: "stock_read*stock_read" }, false],
    [{ function: "*" }, true],
    [{ function: "wh_count" }, true],
    [{ function: "CallData::Execute" }, false],
    [{ function: "countShelf" }, false],
    [{ module: "libwarehouse.so" }, true],
    [{ module: "libwarehouse.so*" }, true],
    [{ module: "warehouse" }, false],
    [{ module: "koffi.node" }, false],
    [{ module: "libwarehouse.so", function: "wh_count" }, true],
    [{ module: "libother.so", function: "wh_count" }, false],
    [{ code: "null-dereference", function: "stock_read", module: "libwarehouse.so", fingerprint: "f" }, true],
    [{ code: "wild-pointer", function: "stock_read" }, false],
  ])("%j fits: %s", (entry, fits) => {
    expect(applied([entry]).suppressed).toHaveLength(fits ? 1 : 0);
  });

  it("goes by the fingerprints of all witnesses", () => {
    const findings = [finding({ alsoKnownAs: ["w"] })];
    expect(applied([{ fingerprint: "w" }], { findings }).findings).toEqual([]);
  });

  it("takes the finding out of the verdict, and says what and why", () => {
    expect(applied([{ code: "null-dereference", reason: "see #1", expires: "2026-12-31" }])).toMatchObject({
      verdict: "clean",
      findings: [],
      suppressed: [
        {
          fingerprint: "f",
          reason: "see #1",
          expires: "2026-12-31",
          code: "null-dereference",
          title: "Read through a null pointer, in stock_read",
        },
      ],
    });
  });

  it("does not make an open question clean, nor hide another finding", () => {
    const obstacles = [{ what: "it hung", why: "?", mend: null }];
    expect(applied([{ fingerprint: "f" }], { obstacles }).verdict).toBe("inconclusive");
    const findings = [finding(), finding({ fingerprint: "g" })];
    expect(applied([{ fingerprint: "f" }], { findings })).toMatchObject({
      verdict: "findings",
      findings: [{ fingerprint: "g" }],
    });
  });

  it.each([
    ["2026-06-14", 0],
    ["2026-06-15", 1],
    ["2027-01-01", 1],
    [null, 1],
  ])("that expires on %s: %i applies", (expires, count) => {
    const { suppressed, notices } = applied([{ fingerprint: "f", expires }]);
    expect(suppressed).toHaveLength(count);
    expect(notices ?? []).toEqual(count === 1 ? [] : ["the suppression of f expired on 2026-06-14"]);
  });

  it("that matched nothing is told, unless not everything was run", () => {
    const idle = [{ code: "abort" as const, module: "libold.so" }];
    expect(applied(idle).notices).toEqual(["the suppression of abort, libold.so matched nothing: remove it"]);
    expect(applied(idle, {}, { ...TODAY, whole: false }).notices).toBeUndefined();
  });

  it("is not idle because another one came first", () => {
    expect(applied([{ fingerprint: "f" }, { code: "null-dereference" }]).notices).toBeUndefined();
  });
});
