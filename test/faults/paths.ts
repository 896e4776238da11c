/** Name of the namespace in which everything happens. */
export const NAMESPACE = 'default';

/** Path of a pod. */
export const podPath = (name: string): string => `/api/v1/namespaces/${NAMESPACE}/pods/${name}`;

/** Paths of the kinds that users write. */
export const userPath = (plural: 'pools' | 'batchsandboxes', name = ''): string =>
  `/apis/sandbox.opensandbox.io/v1alpha1/namespaces/${NAMESPACE}/${plural}${name === '' ? '' : `/${name}`}`;

/** Marks a mirror that is forged: the operator never writes it. */
export const FORGED = 'forged';
