'use client'

import {
  Button,
  EmptyState,
  EmptyStateActions,
  EmptyStateBody,
  EmptyStateFooter,
  Skeleton,
} from '@patternfly/react-core'
import {
  ActionsColumn,
  ExpandableRowContent,
  type IAction,
  Table,
  Tbody,
  Td,
  Th,
  Thead,
  Tr,
} from '@patternfly/react-table'
import { type ComponentType, type ReactNode, useState } from 'react'
import { FailureAlert } from './failure-alert.tsx'
import { type Paging, TablePagination } from './table-pagination.tsx'

export interface Column<Row> {
  key: string
  title: string
  cell: (row: Row) => ReactNode
  /** What the column is sorted by; without it the column does not sort. Null sorts last. */
  sort?: (row: Row) => string | number | null
  /** Long text is cut with an ellipsis, or kept on one line. */
  modifier?: 'truncate' | 'nowrap' | 'breakWord' | 'fitContent'
  /** Share of the width in percent. */
  width?: 10 | 15 | 20 | 25 | 30 | 35 | 40 | 45 | 50 | 60 | 70 | 80
  /** Leaves the heading to screen readers. */
  isTitleHidden?: boolean
}

interface DataTableProps<Row> {
  /** Names the table for screen readers: "Devices". */
  label: string
  columns: Column<Row>[]
  /** Undefined while the first page is being loaded. */
  rows: Row[] | undefined
  rowKey: (row: Row) => string
  error?: unknown
  onRetry?: () => void
  /** Filters and buttons above the table; stays while the table loads or is empty. */
  toolbar?: ReactNode
  /** Absent when all rows are on one page. */
  paging?: Paging
  /** What to say and do when there is nothing at all. */
  empty: { title: string; body: ReactNode; icon?: ComponentType; action?: ReactNode }
  /** Given while a filter is set: an empty result then offers to clear it. */
  onClearFilters?: (() => void) | undefined
  /** Opens a row's detail; the first column becomes its button. */
  onOpen?: (row: Row) => void
  openKey?: string | null
  actions?: (row: Row) => IAction[]
  /** Content of the fold-out row. */
  expanded?: (row: Row) => ReactNode
  /** Column and direction at first. */
  initialSort?: { key: string; direction: 'asc' | 'desc' }
}

const skeletonRows = 5
const compare = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

function order(
  left: string | number | null,
  right: string | number | null,
  direction: 'asc' | 'desc',
): number {
  if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1
  const sign = direction === 'asc' ? 1 : -1
  if (typeof left === 'number' && typeof right === 'number') return sign * (left - right)
  return sign * compare.compare(String(left), String(right))
}

/**
 * The one table of the UI: sorting, pages, fold-out rows, row actions, and honest loading, empty and failed states.
 * Sorting is offered only while all rows are on the page, because ordering one page of many would mislead.
 */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { columns, rows, rowKey, paging, expanded, actions, onOpen } = props
  const [sort, setSort] = useState(props.initialSort ?? null)
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const hasAll = paging === undefined || (rows !== undefined && paging.total <= rows.length)
  const sortBy = columns.find((column) => column.key === sort?.key)?.sort
  const shown =
    rows !== undefined && hasAll && sort !== null && sortBy !== undefined
      ? rows.toSorted((left, right) => order(sortBy(left), sortBy(right), sort.direction))
      : rows
  const toggle = (key: string) =>
    setOpen((keys) => {
      const next = new Set(keys)
      if (!next.delete(key)) next.add(key)
      return next
    })

  const isEmpty = rows !== undefined && rows.length === 0
  return (
    <div className="hf-table">
      {props.toolbar}
      {props.error !== null && props.error !== undefined && (
        <FailureAlert error={props.error} {...(props.onRetry ? { onRetry: props.onRetry } : {})} />
      )}
      {isEmpty ? (
        <EmptyTable {...props} />
      ) : (
        (rows !== undefined || !props.error) && (
          <Table
            aria-label={props.label}
            aria-busy={rows === undefined}
            variant="compact"
            gridBreakPoint="grid-lg"
          >
            <Thead>
              <Tr>
                {expanded && <Th screenReaderText="Unfold" modifier="fitContent" />}
                {columns.map((column, index) => (
                  <Th
                    key={column.key}
                    {...(column.width ? { width: column.width } : {})}
                    modifier={column.modifier === 'fitContent' ? 'fitContent' : 'nowrap'}
                    {...(column.isTitleHidden ? { screenReaderText: column.title } : {})}
                    {...(column.sort && hasAll
                      ? {
                          sort: {
                            columnIndex: index,
                            sortBy: {
                              ...(sort ? { index: columns.findIndex((each) => each.key === sort.key) } : {}),
                              direction: sort?.direction ?? 'asc',
                              defaultDirection: 'asc' as const,
                            },
                            onSort: (_event: unknown, _index: number, direction: 'asc' | 'desc') =>
                              setSort({ key: column.key, direction }),
                          },
                        }
                      : {})}
                  >
                    {column.isTitleHidden ? null : column.title}
                  </Th>
                ))}
                {actions && <Th screenReaderText="Actions" />}
              </Tr>
            </Thead>
            {shown === undefined ? (
              <SkeletonBody columns={columns.length + (expanded ? 1 : 0) + (actions ? 1 : 0)} />
            ) : (
              shown.map((row, rowIndex) => {
                const key = rowKey(row)
                const isOpen = open.has(key)
                const rowActions = actions?.(row) ?? []
                return (
                  <Tbody key={key} isExpanded={isOpen}>
                    <Tr
                      isRowSelected={props.openKey === key}
                      {...(onOpen ? { className: 'hf-row-open', onClick: () => onOpen(row) } : {})}
                    >
                      {expanded && (
                        <Td
                          expand={{
                            rowIndex,
                            isExpanded: isOpen,
                            onToggle: () => toggle(key),
                            expandId: 'row',
                          }}
                        />
                      )}
                      {columns.map((column, index) => (
                        <Td
                          key={column.key}
                          dataLabel={column.title}
                          {...(column.modifier ? { modifier: column.modifier } : {})}
                        >
                          {index === 0 && onOpen ? (
                            <Button
                              variant="link"
                              isInline
                              className="hf-row-button"
                              aria-expanded={props.openKey === key}
                              onClick={(event) => {
                                event.stopPropagation()
                                onOpen(row)
                              }}
                            >
                              {column.cell(row)}
                            </Button>
                          ) : (
                            column.cell(row)
                          )}
                        </Td>
                      ))}
                      {actions && (
                        <Td isActionCell onClick={(event) => event.stopPropagation()}>
                          {rowActions.length > 0 && <ActionsColumn items={rowActions} />}
                        </Td>
                      )}
                    </Tr>
                    {expanded && (
                      <Tr isExpanded={isOpen}>
                        <Td colSpan={columns.length + 1 + (actions ? 1 : 0)}>
                          <ExpandableRowContent>{isOpen && expanded(row)}</ExpandableRowContent>
                        </Td>
                      </Tr>
                    )}
                  </Tbody>
                )
              })
            )}
          </Table>
        )
      )}
      {paging !== undefined && !isEmpty && <TablePagination label={props.label} paging={paging} />}
    </div>
  )
}

function SkeletonBody({ columns }: { columns: number }) {
  return (
    <Tbody>
      {Array.from({ length: skeletonRows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have no identity
        <Tr key={row}>
          {Array.from({ length: columns }, (_, column) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have no identity
            <Td key={column}>
              <Skeleton screenreaderText={row === 0 && column === 0 ? 'Loading' : ''} />
            </Td>
          ))}
        </Tr>
      ))}
    </Tbody>
  )
}

function EmptyTable<Row>({ empty, onClearFilters }: DataTableProps<Row>) {
  if (onClearFilters)
    return (
      <EmptyState headingLevel="h2" variant="sm" titleText="Nothing matches">
        <EmptyStateBody>No entry fits the filters that are set.</EmptyStateBody>
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button variant="link" onClick={onClearFilters}>
              Clear filters
            </Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      </EmptyState>
    )
  return (
    <EmptyState
      headingLevel="h2"
      variant="sm"
      titleText={empty.title}
      {...(empty.icon ? { icon: empty.icon } : {})}
    >
      <EmptyStateBody>{empty.body}</EmptyStateBody>
      {empty.action !== undefined && (
        <EmptyStateFooter>
          <EmptyStateActions>{empty.action}</EmptyStateActions>
        </EmptyStateFooter>
      )}
    </EmptyState>
  )
}
