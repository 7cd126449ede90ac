import { defineServer, ok, reply } from '@snakepit/core';
import { showValue } from '../config/config-fault.ts';
import { maxToolTexts } from './tool-name.ts';
import type { NewTool, ToolError, ToolTable } from './tool-table.ts';

/** Name under which the tree registers the registry. */
export const toolRegistryName = 'snakepit.tools';

/**
 * The process that answers for the tools that Python can call (SNK §10.2).
 *
 * The table is not its own: what the application has registered outlives a crash of this process, for the application
 * does not hear of that. Differs from the original: the tools of a session that is over are forgotten.
 */
export const toolRegistry = defineServer({
  name: 'toolRegistry',
  init: (table: ToolTable) => ok(table),
  call: {
    /** Registers all of them or none. */
    register: (
      table: ToolTable,
      { session = '', batch }: { readonly session?: string; readonly batch: readonly NewTool[] },
    ) => reply(table.register(session, batch), table),
    /** The tool that a session means by a name; undefined when there is none. */
    find: (
      table: ToolTable,
      { session, name }: { readonly session: string; readonly name: string },
    ) => reply(table.find(session, name), table),
    /** The tools that a session can call. */
    list: (table: ToolTable, session: string) => reply(table.list(session), table),
    /** Forgets the tools of a session. */
    forget: (table: ToolTable, session: string) => {
      table.forgetSessions([session]);
      return reply(undefined, table);
    },
  },
});

/**
 * The reason in words, with what is allowed.
 *
 * @param error - Why tools were not registered.
 */
export function describeToolError(error: ToolError): string {
  switch (error.kind) {
    case 'duplicateTool':
      return `there is a tool "${error.name}" already${error.session === '' ? '' : ` in session "${error.session}"`}`;
    case 'invalidToolName':
      return `${showValue(error.name)} cannot be the name of a tool (${error.fault}): 1 to 64 letters, digits, "_", "." or "-", beginning with a letter or digit`;
    case 'invalidMetadata':
      return `what is said about tool "${error.name}" cannot be kept (${error.fault}): ${maxToolTexts}`;
    case 'unknownWorker':
      return `tool "${error.name}" is said to be of worker ${showValue(error.worker)}, which is none of this Snakepit; workers are named as their environment variable SNAKEPIT_WORKER says`;
    case 'tooManyTools':
      return `there would be more than ${error.limit} tools${error.session === '' ? '' : ` in session "${error.session}"`}`;
  }
}
