/** `sockcred/authorization`: may this peer? Re-exports only. */

export type { Child, NameResolver } from './circumstances.ts';
export type { Because, Verdict } from './condition.ts';
export { type Decision, type DecisionReason, formatDecision, type TriedRule } from './decision.ts';
export type {
  Fact,
  FactName,
  FactValues,
  KnownFact,
  NamespaceKind,
  OtherWitnesses,
  SharedNamespaces,
  UnknownFact,
} from './fact.ts';
export type { Finding, FindingCode } from './findings.ts';
export { compilePolicy, type Policy } from './policy.ts';
export type {
  ConditionData,
  IdData,
  MapEntryData,
  OneOrMore,
  PolicyData,
  RuleData,
  TextData,
} from './policy-data.ts';
export { PolicyError, type PolicyFault, type PolicyFaultCode, pathTo } from './policy-error.ts';
export type { Effect } from './policy-reader.ts';
export { onlyChildren, type ReadyMadeOptions, rootOr, sameUserOnly } from './ready-made.ts';
export { definePolicy, isBeingWritten, type PolicyOptions, systemNames } from './this-machine.ts';
