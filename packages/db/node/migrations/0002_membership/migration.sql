-- CreateTable
CREATE TABLE "membership" (
    "id" INTEGER NOT NULL PRIMARY KEY DEFAULT 1,
    "generation" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "initialCluster" TEXT NOT NULL,
    "initialState" TEXT NOT NULL,
    "forceNew" BOOLEAN NOT NULL DEFAULT false,
    "peers" TEXT NOT NULL DEFAULT '[]',
    "fencedBecause" TEXT,
    "joinedAt" BIGINT NOT NULL
);

