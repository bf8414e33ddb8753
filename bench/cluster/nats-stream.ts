// Runs in the lab's hub: asks JetStream's API, and prints the answer. Arguments: host, port, subject, request.
import { NatsLine, type NatsMessage, published } from '../driver/nats-line.ts'

const guardMs = 10_000
const inbox = '_INBOX.stream'
const [host = '', port, subject = '', request = ''] = process.argv.slice(2)

const answer = await new Promise<string>((resolve, reject) => {
  setTimeout(() => reject(new Error(`${subject} was not answered in ${guardMs} ms`)), guardMs).unref()
  const messages = ([first]: NatsMessage[]) => resolve(first?.payload ?? '')
  const failed = (reason: string) => reject(new Error(reason))
  NatsLine.connect(host, Number(port), { messages, failed }).then((line) => {
    line.subscribe(inbox, 1)
    line.write(published(subject, inbox, request))
  }, reject)
})
process.stdout.write(answer)
process.exit()
