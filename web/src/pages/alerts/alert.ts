import type { Schemas } from '@/api/client';

/** What a rule made of an event, with a message for each channel. */
export type Alert = Schemas['Alert'];
