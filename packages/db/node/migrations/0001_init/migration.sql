-- CreateTable
CREATE TABLE "identity" (
    "id" INTEGER NOT NULL PRIMARY KEY DEFAULT 1,
    "nodeId" TEXT NOT NULL,
    "nodeName" TEXT NOT NULL,
    "facility" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "createdAt" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "node_setting" (
    "key" TEXT NOT NULL PRIMARY KEY,
    "value" TEXT NOT NULL,
    "updatedAt" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "peer_seen" (
    "nodeId" TEXT NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "facility" TEXT NOT NULL,
    "addresses" TEXT NOT NULL,
    "origin" TEXT NOT NULL,
    "verified" BOOLEAN NOT NULL,
    "firstAt" BIGINT NOT NULL,
    "lastAt" BIGINT NOT NULL
);


