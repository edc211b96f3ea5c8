/** What programs import that hold workflows as entities: `import { createEntities } from "workflows/entities"`. */
export { type ErrorCode, type FieldFault, WorkflowsError } from "../client/errors.ts";
export type { CursorStore } from "../client/watches.ts";
export type { ActionStep } from "./compile/content.ts";
export type { ErrorHandling } from "./compile/policies.ts";
export {
  type BeforeCreateHook,
  type BeforeHook,
  createEntities,
  type Entities,
  type Entities$,
  type EntitiesOptions,
  type NewEvent,
  type Unhook,
  type WorkflowNoun,
} from "./entities.ts";
export type {
  NewWorkflow,
  RetryPolicyFields,
  TriggeredWorkflow,
  WorkflowChanges,
  WorkflowEntity,
  WorkflowSummary,
} from "./entity.ts";
export type { FindOptions, Found, WorkflowFilter } from "./find.ts";
export type { AfterHook, VerbEvent } from "./hooks.ts";
export type { Status, StatusFilter, Verb } from "./states.ts";
export type { VerbOptions } from "./store.ts";
