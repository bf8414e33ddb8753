-- CreateTable
CREATE TABLE "invitation" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "hash" TEXT NOT NULL,
    "createdBy" TEXT NOT NULL,
    "createdAt" BIGINT NOT NULL,
    "expiresAt" BIGINT NOT NULL,
    "usedAt" BIGINT,
    "usedBy" TEXT
);

-- CreateTable
CREATE TABLE "log_position" (
    "id" INTEGER NOT NULL PRIMARY KEY DEFAULT 1,
    "generation" TEXT NOT NULL,
    "revision" BIGINT NOT NULL,
    "versions" TEXT NOT NULL
);

-- CreateTable
CREATE TABLE "origin" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "epoch" BIGINT NOT NULL,
    "next" INTEGER NOT NULL
);

-- CreateTable
CREATE TABLE "held_batch" (
    "origin" TEXT NOT NULL,
    "no" INTEGER NOT NULL,
    "text" TEXT NOT NULL,

    PRIMARY KEY ("origin", "no")
);

-- CreateTable
CREATE TABLE "checkpoint" (
    "size" INTEGER NOT NULL PRIMARY KEY,
    "root" BLOB NOT NULL,
    "at" BIGINT NOT NULL,
    "note" TEXT NOT NULL
);

-- AlterTable
ALTER TABLE "node" ADD COLUMN "address" TEXT;
ALTER TABLE "node" ADD COLUMN "httpsPort" INTEGER;
ALTER TABLE "node" ADD COLUMN "peerPort" INTEGER;
ALTER TABLE "node" ADD COLUMN "raftPort" INTEGER;
ALTER TABLE "node" ADD COLUMN "memberId" TEXT;
ALTER TABLE "node" ADD COLUMN "version" TEXT NOT NULL DEFAULT '';
ALTER TABLE "node" ADD COLUMN "auditKey" TEXT;

-- CreateIndex
CREATE UNIQUE INDEX "invitation_hash_key" ON "invitation"("hash");

