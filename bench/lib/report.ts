import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Machine } from './machine.ts'

export const outDirectory = join(dirname(dirname(fileURLToPath(import.meta.url))), 'out')

export interface Column<Row> {
  title: string
  value(row: Row): string
}

/** Plain aligned text: the first column to the left, figures to the right. */
export function printTable<Row>(title: string, rows: Row[], columns: Column<Row>[]): void {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => columns.map((c) => c.value(row)))]
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]!.length)))
  const draw = (line: string[]) =>
    line
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[index]!)))
      .join('  ')
  const [head, ...body] = lines
  console.log(`\n${title}\n`)
  console.log(draw(head!))
  console.log(widths.map((width) => '-'.repeat(width)).join('  '))
  for (const line of body) console.log(draw(line))
}

export function printMachine(machine: Machine): void {
  const { cpu, cores, memoryGb, kernel, fileSystem, fdatasyncMs, loadBefore } = machine
  const disk = `${fileSystem}, fdatasync ${fdatasyncMs.toFixed(2)} ms`
  console.log(`${cores} × ${cpu}, ${memoryGb} GB, Linux ${kernel}, ${disk}, load ${loadBefore.toFixed(2)}`)
}

/** bench/out/SUITE.json: everything that was printed and what it depends on. */
export function writeReport(suite: string, report: { machine: Machine } & Record<string, unknown>): void {
  mkdirSync(outDirectory, { recursive: true })
  const file = join(outDirectory, `${suite}.json`)
  const content = { suite, date: new Date().toISOString(), node: process.versions.node, ...report }
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`)
  console.log(`\nAll figures: bench/out/${suite}.json`)
}

export const integer = (value: number): string => Math.round(value).toLocaleString('en-US')
export const megabytes = (bytes: number): string => integer(bytes / 1e6)
export const percent = (share: number): string => `${Math.round(share * 100)} %`
export const times = (ratio: number): string => `${ratio.toFixed(ratio < 10 ? 2 : 0)}×`
