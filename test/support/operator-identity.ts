/** Namespace of the operator where tests install it. */
export const OPERATOR_NAMESPACE = 'opensandbox-system';
/** Name of its Deployment, and of its service account. */
export const OPERATOR_NAME = 'opensandbox-controller-manager';
/** User that it is to the API server. */
export const OPERATOR_USER = `system:serviceaccount:${OPERATOR_NAMESPACE}:${OPERATOR_NAME}`;
