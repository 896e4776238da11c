import { startEmbeddedApi } from '../../support/api-under-test';
import { describeConformance } from './suite';

describeConformance('the embedded API', startEmbeddedApi, 60_000);
