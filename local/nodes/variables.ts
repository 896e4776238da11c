/**
 * Replaces `$(NAME)` by the value of the variable, as Kubernetes does in commands, arguments and values.
 *
 * `$$` stands for one `$`, so `$$(NAME)` is the text `$(NAME)`; a reference to an unknown variable stays as it is.
 *
 * @see https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
export function expandVariables(text: string, valueByName: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^()]+)\)/g, (match, name: string | undefined) => {
    if (name === undefined) return '$';
    return Object.hasOwn(valueByName, name) ? (valueByName[name] ?? match) : match;
  });
}
