import type { Logger } from '../../platform/logger.ts'
import { Questions } from '../../platform/questions.ts'
import { threadUrl } from '../../platform/thread-url.ts'
import type { AuditQuestions } from './audit-thread.ts'

/** A page of the audit log is looked at for a while. */
const restAfterMs = 20_000

/** The main thread's side of the audit thread, which starts with the first question. */
export class AuditReader extends Questions<AuditQuestions> {
  constructor(databaseFile: string, logger: Logger) {
    const url = threadUrl('audit-thread', import.meta.url)
    super({ url, name: 'holdfast-audit', data: { databaseFile }, logger, restAfterMs })
  }
}
