"""The workloads as a FastAPI service, with SQLAlchemy 2 and asyncpg.

uvicorn fastapi_service:app      DATABASE_URL (postgresql+asyncpg://…) and POOL_SIZE in the environment
"""

from __future__ import annotations

import datetime
import os
import uuid
from collections.abc import AsyncIterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Query, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Numeric, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BLOCK_DURATION = datetime.timedelta(minutes=15)

engine = create_async_engine(
    os.environ["DATABASE_URL"], pool_size=int(os.environ.get("POOL_SIZE", "8")), max_overflow=0, pool_timeout=30
)
new_session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


async def session() -> AsyncIterator[AsyncSession]:
    async with new_session() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


class Base(DeclarativeBase):
    pass


Quantity = Annotated[Decimal, mapped_column(Numeric(12, 3))]
Money = Annotated[Decimal, mapped_column(Numeric(23, 3))]
Key = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
ProductKey = Annotated[int, mapped_column(ForeignKey("product.id"))]
Time = Annotated[datetime.datetime, mapped_column(DateTime(timezone=True))]


class Product(Base):
    __tablename__ = "product"

    id: Mapped[Key]
    sku_id: Mapped[uuid.UUID]
    sku: Mapped[str]
    name: Mapped[str]
    description: Mapped[str | None]
    created_at: Mapped[Time] = mapped_column(server_default=func.now())
    updated_at: Mapped[Time] = mapped_column(server_default=func.now())


class Stock(Base):
    __tablename__ = "stock"

    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True)
    on_hand: Mapped[Quantity]
    reserved: Mapped[Quantity]
    blocked: Mapped[Quantity]
    updated_at: Mapped[Time] = mapped_column(server_default=func.now(), onupdate=func.now())

    @property
    def available(self) -> Decimal:
        return self.on_hand - self.reserved - self.blocked


class Movement(Base):
    __tablename__ = "movement"

    id: Mapped[Key]
    product_id: Mapped[ProductKey]
    kind: Mapped[str]
    on_hand_before: Mapped[Quantity]
    on_hand_after: Mapped[Quantity]
    reserved_before: Mapped[Quantity]
    reserved_after: Mapped[Quantity]
    blocked_before: Mapped[Quantity]
    blocked_after: Mapped[Quantity]
    cost: Mapped[Money | None]
    actor: Mapped[str]


class CostLayer(Base):
    __tablename__ = "cost_layer"

    id: Mapped[Key]
    product_id: Mapped[ProductKey]
    quantity: Mapped[Quantity]
    remaining: Mapped[Quantity]
    unit_cost: Mapped[Money]


class Price(Base):
    __tablename__ = "price"

    id: Mapped[Key]
    product_id: Mapped[ProductKey]
    price_type: Mapped[str]
    amount: Mapped[Money]
    effective_from: Mapped[Time]
    effective_to: Mapped[Time | None]


class Block(Base):
    __tablename__ = "block"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    product_id: Mapped[ProductKey]
    quantity: Mapped[Quantity]
    reason: Mapped[str | None]
    status: Mapped[str]
    expires_at: Mapped[Time]
    created_at: Mapped[Time]
    ended_at: Mapped[Time | None]


class Sale(Base):
    __tablename__ = "sale"

    id: Mapped[Key]
    product_id: Mapped[ProductKey]
    quantity: Mapped[Quantity]
    unit_price: Mapped[Money]
    revenue: Mapped[Money]
    cost: Mapped[Money]


class IdempotencyKey(Base):
    __tablename__ = "idempotency_key"

    key: Mapped[str] = mapped_column(primary_key=True)


Positive = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=3)]


class ReserveIn(BaseModel):
    amount: Positive


class BlockIn(BaseModel):
    quantity: Positive
    reason: str | None = Field(default=None, max_length=500)


class SaleIn(BaseModel):
    product_id: int
    quantity: Positive
    unit_price: Annotated[Decimal, Field(ge=0, max_digits=23, decimal_places=3)]


class ItemOut(BaseModel):
    id: int
    sku: str
    sku_id: uuid.UUID
    name: str
    description: str | None
    price: Decimal | None
    available: Decimal
    reserved: Decimal
    blocked: Decimal
    on_hand: Decimal


class PageOut(BaseModel):
    count: int
    page: int
    results: list[ItemOut]


class BlockOut(BaseModel):
    block_id: uuid.UUID
    product_id: int
    quantity: Decimal
    reason: str | None
    status: str
    expires_at: datetime.datetime
    created_at: datetime.datetime


class ConvertedOut(BaseModel):
    block_id: uuid.UUID
    status: str
    quantity: Decimal
    converted_at: datetime.datetime


class SaleOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    product_id: int
    quantity: Decimal
    unit_price: Decimal
    revenue: Decimal
    cost: Decimal


def items():
    """Selects products with their stock and active retail price."""
    now = func.now()
    active = (
        select(Price.amount)
        .where(
            Price.product_id == Product.id,
            Price.price_type == "retail",
            Price.effective_from <= now,
            (Price.effective_to.is_(None)) | (Price.effective_to > now),
        )
        .order_by(Price.effective_from.desc())
        .limit(1)
        .correlate(Product)
        .scalar_subquery()
    )
    return select(Product, Stock, active.label("price")).join(Stock, Stock.product_id == Product.id)


def item_out(product: Product, stock: Stock, price: Decimal | None) -> ItemOut:
    return ItemOut(
        id=product.id,
        sku=product.sku,
        sku_id=product.sku_id,
        name=product.name,
        description=product.description,
        price=price,
        available=stock.available,
        reserved=stock.reserved,
        blocked=stock.blocked,
        on_hand=stock.on_hand,
    )


async def lock_stock(db: AsyncSession, product_id: int) -> Stock:
    stock = await db.scalar(select(Stock).where(Stock.product_id == product_id).with_for_update())
    if stock is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "Product not found.")
    return stock


def require_available(stock: Stock, quantity: Decimal) -> None:
    if stock.available < quantity:
        raise HTTPException(status.HTTP_409_CONFLICT, f"Only {stock.available} available.")


def change(
    stock: Stock,
    kind: str,
    *,
    on_hand: Decimal = Decimal(0),
    reserved: Decimal = Decimal(0),
    blocked: Decimal = Decimal(0),
    cost: Decimal | None = None,
) -> Movement:
    """Change the balances of a locked stock, and return the movement."""
    movement = Movement(
        product_id=stock.product_id,
        kind=kind,
        on_hand_before=stock.on_hand,
        on_hand_after=stock.on_hand + on_hand,
        reserved_before=stock.reserved,
        reserved_after=stock.reserved + reserved,
        blocked_before=stock.blocked,
        blocked_after=stock.blocked + blocked,
        cost=cost,
        actor="anonymous",
    )
    stock.on_hand += on_hand
    stock.reserved += reserved
    stock.blocked += blocked
    return movement


async def take_layers(db: AsyncSession, product_id: int, quantity: Decimal) -> Decimal:
    """Use up cost layers in FIFO order, and return the cost of the units."""
    layers = await db.stream_scalars(
        select(CostLayer)
        .where(CostLayer.product_id == product_id, CostLayer.remaining > 0)
        .order_by(CostLayer.id)
        .with_for_update()
        .execution_options(yield_per=10)
    )
    cost, left = Decimal(0), quantity
    async for layer in layers:
        taken = min(layer.remaining, left)
        layer.remaining -= taken
        cost += taken * layer.unit_cost
        left -= taken
        if not left:
            break
    await layers.close()
    return cost.quantize(Decimal("0.001"), ROUND_HALF_UP)


@app.get("/products/{product_id}")
async def get_product(product_id: int, db: Session) -> ItemOut:
    row = (await db.execute(items().where(Product.id == product_id))).one_or_none()
    if row is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "Product not found.")
    return item_out(*row)


@app.get("/products")
async def list_products(
    db: Session,
    page: Annotated[int, Query(ge=1)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 20,
) -> PageOut:
    count = await db.scalar(select(func.count()).select_from(Product))
    rows = await db.execute(items().order_by(Product.id).limit(page_size).offset((page - 1) * page_size))
    return PageOut(count=count or 0, page=page, results=[item_out(*row) for row in rows])


@app.post("/products/{product_id}/reserve", status_code=status.HTTP_204_NO_CONTENT)
async def reserve(
    product_id: int, body: ReserveIn, db: Session, idempotency_key: Annotated[str | None, Header()] = None
) -> None:
    async with db.begin():
        if idempotency_key is not None:
            fresh = insert(IdempotencyKey).values(key=idempotency_key).on_conflict_do_nothing()
            if await db.scalar(fresh.returning(IdempotencyKey.key)) is None:
                return
        stock = await lock_stock(db, product_id)
        require_available(stock, body.amount)
        db.add(change(stock, "reserve", reserved=body.amount))


@app.post("/products/{product_id}/blocks", status_code=status.HTTP_201_CREATED)
async def create_block(product_id: int, body: BlockIn, db: Session) -> BlockOut:
    async with db.begin():
        stock = await lock_stock(db, product_id)
        require_available(stock, body.quantity)
        now = datetime.datetime.now(datetime.UTC)
        block = Block(
            id=uuid.uuid4(),
            product_id=product_id,
            quantity=body.quantity,
            reason=body.reason,
            status="active",
            expires_at=now + BLOCK_DURATION,
            created_at=now,
        )
        db.add_all([change(stock, "block", blocked=body.quantity), block])
    return BlockOut(
        block_id=block.id,
        product_id=product_id,
        quantity=block.quantity,
        reason=block.reason,
        status=block.status,
        expires_at=block.expires_at,
        created_at=block.created_at,
    )


@app.post("/blocks/{block_id}/convert")
async def convert_block(block_id: uuid.UUID, db: Session) -> ConvertedOut:
    async with db.begin():
        block = await db.scalar(select(Block).where(Block.id == block_id).with_for_update())
        if block is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND, "Block not found.")
        now = datetime.datetime.now(datetime.UTC)
        if block.status != "active" or block.expires_at <= now:
            raise HTTPException(status.HTTP_409_CONFLICT, "Block is over.")
        stock = await lock_stock(db, block.product_id)
        cost = await take_layers(db, block.product_id, block.quantity)
        db.add(change(stock, "convert", on_hand=-block.quantity, blocked=-block.quantity, cost=cost))
        block.status, block.ended_at = "converted", now
    return ConvertedOut(block_id=block.id, status=block.status, quantity=block.quantity, converted_at=now)


@app.post("/sales", status_code=status.HTTP_201_CREATED)
async def create_sale(body: SaleIn, db: Session) -> SaleOut:
    async with db.begin():
        stock = await lock_stock(db, body.product_id)
        require_available(stock, body.quantity)
        cost = await take_layers(db, body.product_id, body.quantity)
        revenue = (body.quantity * body.unit_price).quantize(Decimal("0.001"), ROUND_HALF_UP)
        sale = Sale(
            product_id=body.product_id,
            quantity=body.quantity,
            unit_price=body.unit_price,
            revenue=revenue,
            cost=cost,
        )
        db.add_all([change(stock, "sale", on_hand=-body.quantity, cost=cost), sale])
    return SaleOut.model_validate(sale)
