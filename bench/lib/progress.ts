/** What a bench is doing. On a terminal one line that is written over; elsewhere one line a step, for logs. */
export class Progress {
  private readonly stream: Pick<NodeJS.WriteStream, 'write' | 'isTTY'>
  private title = ''

  constructor(stream: Pick<NodeJS.WriteStream, 'write' | 'isTTY'> = process.stderr) {
    this.stream = stream
  }

  begin(title: string): void {
    this.title = title
    this.detail('')
  }

  /** What is going on within the step; of no interest once it is over. */
  detail(text: string): void {
    if (this.stream.isTTY) this.stream.write(`\r\u001b[K${this.title} … ${text}`)
  }

  done(): void {
    this.stream.write(`${this.stream.isTTY ? '\r\u001b[K' : ''}${this.title} … done\n`)
  }
}
