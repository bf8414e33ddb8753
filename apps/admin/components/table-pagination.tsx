'use client'

import { Pagination } from '@patternfly/react-core'
import { useState } from 'react'

/** A page of a longer list, as the API takes it. */
export interface Paging {
  offset: number
  limit: number
  /** Rows over all pages. */
  total: number
  onChange: (offset: number, limit: number) => void
}

const pageSizes = [20, 50, 100, 200].map((value) => ({ title: String(value), value }))
export const defaultPageSize = 50

/** Page buttons below a list. */
export function TablePagination({ label, paging }: { label: string; paging: Paging }) {
  return (
    <Pagination
      variant="bottom"
      itemCount={paging.total}
      perPage={paging.limit}
      page={Math.floor(paging.offset / paging.limit) + 1}
      perPageOptions={pageSizes}
      onSetPage={(_event, page) => paging.onChange((page - 1) * paging.limit, paging.limit)}
      onPerPageSelect={(_event, limit) => paging.onChange(0, limit)}
      titles={{ paginationAriaLabel: `Pages of ${label.toLowerCase()}` }}
    />
  )
}

/** State of a list's page; `reset` goes back to the first, for a change of filters. */
export function usePaging(limit = defaultPageSize) {
  const [page, setPage] = useState({ offset: 0, limit })
  return {
    ...page,
    onChange: (offset: number, size: number) => setPage({ offset, limit: size }),
    reset: () => setPage((current) => ({ ...current, offset: 0 })),
  }
}
