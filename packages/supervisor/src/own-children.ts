import { isPlainObject, showValue } from './plain-values.ts';

/**
 * The ids that lead from a supervisor down to options that contain themselves, if there are any: such a supervisor would
 * start itself as its own child, without end.
 *
 * Only options are looked at, not start functions, which do as they like. Two children with the same options are fine.
 *
 * @param options - Options of a supervisor; what is wrong with them otherwise does not matter here.
 */
export function wayBackToItself(options: object): readonly string[] | undefined {
  return wayBack(options, [], new Set());
}

function wayBack(
  options: object,
  above: readonly object[],
  harmless: Set<object>,
): readonly string[] | undefined {
  if (above.includes(options)) return [];
  if (harmless.has(options)) return undefined;
  for (const [id, nested] of nestedSupervisors(options)) {
    const way = wayBack(nested, [...above, options], harmless);
    if (way !== undefined) return [showValue(id), ...way];
  }
  harmless.add(options);
  return undefined;
}

/** Children that are supervisors, with their options. */
function nestedSupervisors(options: object): (readonly [id: unknown, options: object])[] {
  if (!('children' in options) || !Array.isArray(options.children)) return [];
  const children: readonly unknown[] = options.children;
  return children.flatMap((spec) => {
    if (!isPlainObject(spec) || !Array.isArray(spec['start'])) return [];
    const [logic, input] = spec['start'] as readonly unknown[];
    return isSupervisor(logic) && isPlainObject(input) ? [[spec['id'], input] as const] : [];
  });
}

function isSupervisor(logic: unknown): boolean {
  if (typeof logic !== 'object' || logic === null || !('childDefaults' in logic)) return false;
  const { childDefaults } = logic;
  return isPlainObject(childDefaults) && childDefaults['type'] === 'supervisor';
}
